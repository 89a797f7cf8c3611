"""Whole models, composed of `layers`: a decoder-only language model, an image encoder, and the two joined.

A model holds mathematics only. Data, training, decoding and saving live in rooms of their own.
"""
