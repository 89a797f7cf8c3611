"""The contract in NumPy: `first_principles`, each function under its own name."""

from minimm.first_principles.activations import gelu, gelu_backward, silu, silu_backward
from minimm.first_principles.attention import (
    cross_modal_attention,
    cross_modal_attention_backward,
    scaled_dot_product_attention,
    scaled_dot_product_attention_backward,
)
from minimm.first_principles.bleu import bleu
from minimm.first_principles.byte_pair import byte_pair_decode, byte_pair_encode, train_byte_pair
from minimm.first_principles.contrastive import contrastive_loss, contrastive_loss_backward
from minimm.first_principles.convolution import conv2d, conv2d_backward
from minimm.first_principles.cross_entropy import cross_entropy, cross_entropy_backward
from minimm.first_principles.edit_distance import edit_distance
from minimm.first_principles.gru import gru, gru_backward, gru_cell, gru_cell_backward
from minimm.first_principles.masks import causal_mask
from minimm.first_principles.mel import mel_filter_bank
from minimm.first_principles.multi_head_attention import multi_head_attention, multi_head_attention_backward
from minimm.first_principles.normalization import layer_norm, layer_norm_backward, rms_norm, rms_norm_backward
from minimm.first_principles.perplexity import perplexity, perplexity_backward
from minimm.first_principles.pooling import max_pool2d, max_pool2d_backward
from minimm.first_principles.positions import rotary_embedding, rotary_embedding_backward, sinusoidal_positions
from minimm.first_principles.retrieval import recall_at_k
from minimm.first_principles.sampling import top_k_filter, top_p_filter
from minimm.first_principles.softmax import log_softmax, log_softmax_backward, softmax, softmax_backward

MISSING: dict[str, str] = {}
FUNCTIONS = {
    function.__name__: function
    for function in (
        bleu,
        byte_pair_decode,
        byte_pair_encode,
        causal_mask,
        contrastive_loss,
        contrastive_loss_backward,
        conv2d,
        conv2d_backward,
        cross_entropy,
        cross_entropy_backward,
        cross_modal_attention,
        cross_modal_attention_backward,
        edit_distance,
        gelu,
        gelu_backward,
        gru,
        gru_backward,
        gru_cell,
        gru_cell_backward,
        layer_norm,
        layer_norm_backward,
        log_softmax,
        log_softmax_backward,
        max_pool2d,
        max_pool2d_backward,
        mel_filter_bank,
        multi_head_attention,
        multi_head_attention_backward,
        perplexity,
        perplexity_backward,
        recall_at_k,
        rms_norm,
        rms_norm_backward,
        rotary_embedding,
        rotary_embedding_backward,
        scaled_dot_product_attention,
        scaled_dot_product_attention_backward,
        silu,
        silu_backward,
        sinusoidal_positions,
        softmax,
        softmax_backward,
        top_k_filter,
        top_p_filter,
        train_byte_pair,
    )
}
