"""What tests share: fakes, things made by hand, real servers and clusters; workers import it by name, too."""
