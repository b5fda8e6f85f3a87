"""The page of `storyflow studio`: stories become narrations that one listens to in the browser."""
