"""Tasks from text to text or to a label: generate, classify, fill gaps, translate, summarise, answer from documents."""
