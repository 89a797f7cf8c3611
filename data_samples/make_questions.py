"""Writes `questions/` and `knowledge/`: short texts with questions whose answers stand in them, in SQuAD's layout.

A text tells some of what facts.txt knows about a village, a person, a ship, a museum or an animal, all of them invented; in
half of the texts it tells of two of one kind, so that it does not suffice to find a year: it must be the right one's. The
names in `knowledge/`, a folder of whole documents, occur in no training text. Deterministic.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from make_summaries import Event, read_news

from minimm.datasets.pick import chance, pick, shuffled
from minimm.files import write_json, write_text

HERE = Path(__file__).parent
SEED = 2_026
TEXTS = {"train": [("en", 700), ("zh", 150)], "test": [("en", 110)], "chinese": [("zh", 60)]}
QUESTIONS = 3  # of each text
DOCUMENTS = {"en": 30, "zh": 8}
NAMES_KEPT = 5  # one name in so many is kept for texts that nobody trains on
Fact = tuple[list[str], list[tuple[str, str]]]  # wordings of a sentence; questions with their answers


def read_facts(path: Path) -> tuple[dict[str, list[Fact]], dict[str, Event]]:
    """The facts of every kind, and the words of every language."""
    kinds: dict[str, list[Fact]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            facts = kinds.setdefault(line.strip("[]"), [])
        elif line.startswith("fact: "):
            facts.append((line.removeprefix("fact: ").split(" | "), []))
        elif line.startswith("ask: "):
            question, answer = line.removeprefix("ask: ").split(" => ")
            facts[-1][1].append((question, answer))
    words = {name: section for name, section in read_news(path).items() if name.startswith("words")}
    return {name: facts for name, facts in kinds.items() if facts}, words


class Words:
    """Draws what the placeholders stand for; `kept` draws only from the names that training never sees."""

    def __init__(self, generator: random.Random, words: Event, *, kept: bool) -> None:
        self.generator, self.kept = generator, kept
        self.words = {name: options[0].split(", ") for name, options in words.items()}

    def one(self, name: str) -> str:
        """A word of the list of that name."""
        return pick(self.generator, self.words[name])

    def put_together(self, *lists: str, between: str = "") -> str:
        """A name of parts. Which names are kept is decided by their letters, so the two sets never meet."""
        while True:
            name = between.join(self.one(part) for part in lists)
            if (sum(map(ord, name)) % NAMES_KEPT == 0) == self.kept:
                return name

    def draw(self, kind: str, language: str) -> dict[str, str]:
        """A word for every placeholder of a text about one thing of the kind."""
        drawn = {name: self.one(name) for name in self.words}
        drawn["year"] = str(1600 + int(200 * self.generator.random()))
        drawn["lateryear"] = str(int(drawn["year"]) + 25 + int(60 * self.generator.random()))
        female = chance(self.generator, 0.5)
        drawn["he"], drawn["his"] = ("she", "her") if female else ("he", "his")
        if language == "zh":
            lands = [self.put_together("land", "land_middle", "land_end") for _ in range(3)]
            people = [self.put_together("surname", "given") for _ in range(3)]
            drawn["river"] = self.put_together("land", "land_middle", "river_end")
        else:
            lands = [self.put_together("begin", "middle", "end") for _ in range(3)]
            firsts = ["first_woman", "first_man"] if female else ["first_man", "first_woman"]
            people = [self.put_together(first, "last", between=" ") for first in (firsts[0], *firsts)]
            drawn["river"] = self.put_together("begin", "middle")
        drawn["name"] = {
            "person": lambda: people[0],
            "ship": lambda: self.put_together("ship", "ship_end", between=" "),
            "animal": lambda: self.put_together("beast", "beast_end", between=" "),
        }.get(kind, lambda: lands[0])()
        return drawn | {"place": lands[1], "otherplace": lands[2], "person": people[1], "other": people[2]}


def fill(template: str, drawn: dict[str, str]) -> str:
    """The sentence, beginning with a capital letter where it begins with a pronoun."""
    for name in ("he", "his"):
        template = template.replace(f"{{{name}:cap}}", drawn[name].capitalize())
    text = template.format(**drawn)
    return text[0].upper() + text[1:]


def write_text_about(
    generator: random.Random, facts: list[Fact], drawn: dict[str, str], count: int
) -> tuple[list[str], list[tuple[str, str, int]]]:
    """`count` sentences, the first of which names the thing, and (question, answer, number of the sentence)."""
    first = [fact for fact in facts if all("{name}" in wording for wording in fact[0])]
    opening = pick(generator, first)
    chosen = [opening, *shuffled(generator, [fact for fact in facts if fact is not opening])[: count - 1]]
    sentences, questions = [], []
    for number, (wordings, asked) in enumerate(chosen):
        sentences.append(fill(pick(generator, wordings), drawn))
        questions += [(fill(question, drawn), answer.format(**drawn), number) for question, answer in asked]
    return sentences, questions


def paragraph(generator: random.Random, kind: str, facts: list[Fact], words: Words) -> dict:
    """One context of SQuAD: about one thing in four to six sentences, or about two in three each."""
    language = kind.split()[1]
    subjects = 2 if chance(generator, 0.5) else 1
    space = "" if language == "zh" else " "
    context, found = "", []
    for _ in range(subjects):
        drawn = words.draw(kind.split()[0], language)
        count = 3 if subjects == 2 else 4 + int(3 * generator.random())
        sentences, questions = write_text_about(generator, facts, drawn, count)
        starts = []
        for sentence in sentences:
            context += space if context else ""
            starts.append(len(context))
            context += sentence
        for question, answer, number in questions:
            at = sentences[number].lower().index(answer.lower())  # an answer may begin the sentence
            found.append((question, sentences[number][at : at + len(answer)], starts[number] + at))
    qas = [
        {"question": question, "answers": [{"text": answer, "answer_start": start}]}
        for question, answer, start in shuffled(generator, found)[:QUESTIONS]
    ]
    return {"context": context, "qas": qas}


def write_documents(generator: random.Random, kinds: dict[str, list[Fact]], words: dict[str, Words]) -> None:
    """`knowledge/`: one file about each thing, with every fact, and questions.json that knows which file has the answer."""
    names, asked = set(), []
    for language, count in DOCUMENTS.items():
        own = [kind for kind in kinds if kind.endswith(language)]
        for number in range(count):
            kind = own[number % len(own)]
            drawn = words[language].draw(kind.split()[0], language)
            while drawn["name"] in names:
                drawn = words[language].draw(kind.split()[0], language)
            names.add(drawn["name"])
            sentences, questions = write_text_about(generator, kinds[kind], drawn, len(kinds[kind]))
            file = f"{kind.split()[0]}_{drawn['name'].replace(' ', '_').lower()}.{'md' if number % 2 else 'txt'}"
            half = len(sentences) // 2
            space = "" if language == "zh" else " "
            title = f"# {drawn['name']}\n\n" if number % 2 else ""
            body = f"{space.join(sentences[:half])}\n\n{space.join(sentences[half:])}\n"
            write_text(HERE / "knowledge" / "documents" / file, title + body)
            asked += [
                {"question": question, "answer": answer, "source": file}
                for question, answer, _ in shuffled(generator, questions)[:3]
            ]
    write_json(HERE / "knowledge" / "questions.json", asked)


def main() -> None:
    """Write questions/{train,test,chinese}.json and knowledge/."""
    kinds, lists = read_facts(HERE / "facts.txt")
    generator = random.Random(SEED)
    for part, languages in TEXTS.items():
        paragraphs = []
        for language, count in languages:
            words = Words(generator, lists[f"words {language}"], kept=part != "train")
            own = [kind for kind in kinds if kind.endswith(language)]
            for number in range(count):
                kind = own[number % len(own)]
                paragraphs.append(paragraph(generator, kind, kinds[kind], words))
        for number, found in enumerate(paragraphs):
            for place, item in enumerate(found["qas"]):
                item["id"] = f"{part}-{number}-{place}"
        articles = [{"title": part, "paragraphs": shuffled(generator, paragraphs)}]
        whole = json.dumps({"version": "1.0", "data": articles}, ensure_ascii=False)
        write_text(HERE / "questions" / f"{part}.json", whole.replace('{"context"', '\n{"context"') + "\n")
    kept = {language: Words(generator, lists[f"words {language}"], kept=True) for language in DOCUMENTS}
    write_documents(generator, kinds, kept)


if __name__ == "__main__":
    main()
