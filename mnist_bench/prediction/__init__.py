"""Prediction: any picture made like the training pictures, and the class that a network predicts."""
