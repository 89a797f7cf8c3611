"""From scores for the next token to text: greedy, sampling (temperature, top-k, top-p), beam search; all on the KV cache."""
