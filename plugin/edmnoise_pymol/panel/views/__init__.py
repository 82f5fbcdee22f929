"""The panel's lower half: what is shown of the frames."""
