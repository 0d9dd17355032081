"""TensorFlow's names around Keras, for programs that say ``import sora_np as tf``.

``names.py`` has them all: open it first.  ``data.py`` is ``tf.data``, ``images.py`` is
``tf.image``, and ``devices.py`` answers what asks after devices, of which there are
none.  ``sora_np.__getattr__`` asks here for names that the package itself has not.
"""
