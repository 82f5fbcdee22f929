"""One TOML file, many structures: settings to tasks, tasks to a journal, the journal to tables and a report."""
