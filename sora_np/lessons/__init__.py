"""Pages for learners, in English and Chinese, whose code the tests run."""
