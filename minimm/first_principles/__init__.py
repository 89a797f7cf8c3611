"""Every idea in NumPy alone: the formula, and its gradient derived by hand. Read these before the torch modules.

One convention for gradients: `name_backward(grad_output, *arguments_of_name)` takes the gradient of the loss with
respect to what `name` returned and gives it with respect to each float array that went in, in the same order. It keeps
no state: whatever it needs of the forward pass it computes again, so that a derivation is read in one place.
"""
