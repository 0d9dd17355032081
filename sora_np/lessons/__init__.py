"""Pages for learners, in English and Chinese, whose code the tests run.

Open ``write_your_own_layer.md`` first.  It holds no code that others call.
"""
