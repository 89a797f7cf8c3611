"""Tasks from what is seen or heard to text: caption pictures and clips, in two languages, and write down speech."""
