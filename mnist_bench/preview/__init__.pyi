from .lines import preview as preview
