"""Torch modules, one idea a file. Attention, normalisation, convolution and the rest are written out here, not imported.

Reading order: `softmax`, `masks`, `attention`, `positions`, `multi_head_attention`, `kv_cache`, `normalization`,
`feed_forward`, `transformer_block`; then `convolution` and `pooling` for pictures, `gru` for sound. `dropout` and
`initialization` serve all of them.
"""
