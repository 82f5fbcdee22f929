"""What a user can ask for, each as a job: commands, scripts and the panel drive the same ones."""
