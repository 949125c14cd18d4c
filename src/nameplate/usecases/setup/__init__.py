"""What an owner must do by hand, and what is done for them."""
