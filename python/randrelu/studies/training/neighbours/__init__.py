"""What neighbours of the paper say of trained networks, beside what is measured."""
