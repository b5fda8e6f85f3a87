"""Whether speech is understood: a listener that is not ours, and what it got wrong of the text. Development only."""
