"""What notifies people of tampering, compared with what was deployed."""
