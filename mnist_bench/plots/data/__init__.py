"""Pictures of the images: digits, distortions, colour."""
