"""The checks: each looks at one thing and says what it found."""
