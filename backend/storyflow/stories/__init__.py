"""Stories: files of text become segments."""
