"""Questions about pictures, and the assistant that also hears and watches."""
