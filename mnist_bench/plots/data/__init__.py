"""Pictures of the images: digits, as they are and under augmentation."""
