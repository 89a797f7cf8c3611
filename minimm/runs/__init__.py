"""What `minimm quickstart` and `minimm train ...` do: train a task, measure it on what was never trained on, print a table,
and write results.json, samples and figures beside the model."""
