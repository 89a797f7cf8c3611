"""Text to image, in two stages: pictures as ids, and a language model that writes them."""
