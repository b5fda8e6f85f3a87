"""The engines that come with the software: where they are, what they have, and one as a child process."""
