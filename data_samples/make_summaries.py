"""Writes `summaries/`: town news with what a person would say in short, English and Chinese. Deterministic.

An article is built from one of the events in news.txt: its facts in order, each in one of its wordings, with details between
them and perhaps an opening before. What matters is therefore seldom the first sentence, and the details have names and
numbers too, which do not belong into the summary. Articles of the test have sets of drawn words that no training article has.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from minimm.datasets.pick import chance, pick, shuffled
from minimm.files import write_text

HERE = Path(__file__).parent
SEED = 2_026
PARTS = {"train": [("en", 1_200), ("zh", 300)], "test": [("en", 150)], "chinese": [("zh", 50)]}
Event = dict[str, list[str]]  # "fact", "detail", "summary" and "line" -> templates


def read_news(path: Path) -> dict[str, Event]:
    """section -> keyword -> the lines that have it."""
    sections: dict[str, Event] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            lines = sections.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            keyword, _, rest = line.partition(": ")
            lines.setdefault(keyword, []).append(rest)
    return sections


def draw_words(generator: random.Random, words: Event) -> dict[str, str]:
    """One word for each placeholder; two different people and two different towns."""
    drawn = {name: pick(generator, options[0].split(", ")) for name, options in words.items()}
    drawn["town"], drawn["othertown"] = shuffled(generator, words["town"][0].split(", "))[:2]
    women, men = (shuffled(generator, words[name][0].split(", ")) for name in ("woman", "man"))
    female = chance(generator, 0.5)
    drawn["person"], drawn["other"] = (women[0], men[0]) if female else (men[0], women[0])
    drawn["he"], drawn["his"] = ("she", "her") if female else ("he", "his")
    return drawn


def fill(template: str, drawn: dict[str, str]) -> str:
    """The sentence, beginning with a capital letter."""
    text = template.replace("{he:cap}", drawn["he"].capitalize()).format(**drawn)
    at = 1 if text[0] in '"“' else 0
    return text[:at] + text[at].upper() + text[at + 1 :]


def write_article(generator: random.Random, event: Event, opening: list[str], drawn: dict[str, str]) -> list[str]:
    """The sentences: facts in order, two to four details anywhere, an opening in half of the articles."""
    facts = [pick(generator, wordings.split(" | ")) for wordings in event["fact"]]
    details = shuffled(generator, event["detail"])[: 2 + int(generator.random() * 3)]
    sentences = [*facts]
    for detail in details:
        sentences.insert(int(generator.random() * (len(sentences) + 1)), detail)
    if chance(generator, 0.5):
        sentences.insert(0, pick(generator, opening))
    return [fill(sentence, drawn) for sentence in sentences]


def main() -> None:
    """Write train.jsonl, test.jsonl and chinese.jsonl (Chinese articles to test on)."""
    news, generator, seen = read_news(HERE / "news.txt"), random.Random(SEED), set()
    for part, languages in PARTS.items():
        lines = []
        for language, count in languages:
            kinds = [name for name, event in news.items() if name.endswith(language) and "summary" in event]
            while count > 0:
                event, drawn = news[kinds[count % len(kinds)]], draw_words(generator, news[f"words {language}"])
                summary = fill(event["summary"][0], drawn)
                if summary in seen:
                    continue
                seen.add(summary)
                sentences = write_article(generator, event, news[f"opening {language}"]["line"], drawn)
                article = ("" if language == "zh" else " ").join(sentences)
                lines.append(json.dumps({"article": article, "summary": summary}, ensure_ascii=False))
                count -= 1
        write_text(HERE / "summaries" / f"{part}.jsonl", "\n".join(shuffled(generator, lines)) + "\n")


if __name__ == "__main__":
    main()
