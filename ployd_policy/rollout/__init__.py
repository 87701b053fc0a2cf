"""From a repository to what runs: what would change, in which order, how it went. Effects go through its ports."""
