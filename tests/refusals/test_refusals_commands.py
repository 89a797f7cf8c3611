"""What the command line says of options that do not go together."""


def test_a_figure_of_two_sentences(refused, tmp_path):
    said = refused("translate", "a cat", "a dog", "--model", tmp_path, "--figure", tmp_path / "looked.png")
    assert "--figure draws one sentence, but 2 were given" in said
