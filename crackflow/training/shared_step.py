"""A training step that several workers take together, each with its part of the batch; TensorFlow alone.

It is the step of one worker with the whole batch, but for rounding. Truth and probabilities of all parts are put
together before the loss, so a loss that pools pixels over the batch, as Dice does, sees all of them, and so do the
metrics. Batch normalization takes its mean and variance over all parts. Gradients are added up. Each worker then
changes its own copy of the weights in the same way.

Dropout is the exception: each worker draws the same masks, for its own part.
"""

from typing import Any

import keras

from crackflow.training.workers import Workers

# Numbers of the operations of a step, after the first one that Workers.step_keys gives.
_ROWS, _TRUTH, _GRADIENTS, _OUTPUTS, _MOMENTS = 0, 1, 2, 10, 100


def share_steps(model: keras.Model, workers: Workers, batch_size: int) -> None:
    """Make a compiled model train with the other workers.

    Args:
        model: as `compile_learner` leaves it, the same on each worker. Only `fit` changes.
        workers: all of them; one alone leaves the model as it is.
        batch_size: largest number of rows of a batch, of all parts together.
    """
    if workers.count == 1:
        return
    keys = workers.step_keys()
    normalizations = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for number, layer in enumerate(normalizations):
        layer._moments = _Moments(workers, keys + _MOMENTS + 4 * number)  # noqa: SLF001 Keras has no other place
    model.train_step = _Step(model, workers, batch_size, keys)


class _Step:
    """In the place of Keras's `train_step`, which knows no other worker."""

    def __init__(self, model: keras.Model, workers: Workers, batch_size: int, keys: int) -> None:
        self.model = model
        self.workers = workers
        self.batch_size = batch_size
        self.keys = keys

    def __call__(self, data: Any) -> Any:
        import tensorflow as tf

        part, truth = data
        model = self.model
        rows = self.workers.add_up(tf.shape(part)[:1], self.keys + _ROWS)[0]
        with tf.GradientTape() as tape:
            found = model(part, training=True)
            truth = self._whole(truth, rows, self.keys + _TRUTH)
            found = tf.nest.pack_sequence_as(
                found,
                [
                    self._whole(output, rows, self.keys + _OUTPUTS + number)
                    for number, output in enumerate(tf.nest.flatten(found))
                ],
            )
            loss = model.compute_loss(x=part, y=truth, y_pred=found, training=True)
        # by its name, as Keras's guide to a train_step of one's own finds it
        next(metric for metric in model.metrics if metric.name == "loss").update_state(loss, sample_weight=rows)
        gradients = self._add_up(tape.gradient(loss, model.trainable_weights))
        model.optimizer.apply_gradients(zip(gradients, model.trainable_weights, strict=True))
        return model.compute_metrics(part, truth, found)

    def _whole(self, value: Any, rows: Any, key: int) -> Any:
        """Put the parts of all workers together.

        Each worker computes the same loss from the whole, so a part's gradient is that piece of the whole's, and
        nothing is added up on the way back.
        """
        import tensorflow as tf

        first = rows * self.workers.index // self.workers.count

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def joined(part: Any) -> Any:
            own = tf.shape(part)[0]
            # as many rows each time, though an epoch's last batch may have fewer
            ends = [[first, self.batch_size - first - own], *[[0, 0]] * (part.shape.rank - 1)]
            padded = tf.ensure_shape(tf.pad(part, ends), (self.batch_size, *part.shape[1:]))
            return self.workers.add_up(padded, key), lambda above: above[first : first + own]

        return joined(value)[:rows]

    def _add_up(self, gradients: list[Any]) -> list[Any]:
        """Add up all gradients at once: an operation for each would wait for the network as often."""
        import tensorflow as tf

        flat = tf.concat([tf.reshape(gradient, [-1]) for gradient in gradients], 0)
        sizes = [gradient.shape.num_elements() for gradient in gradients]
        parts = tf.split(self.workers.add_up(flat, self.keys + _GRADIENTS), sizes)
        return [tf.reshape(part, gradient.shape) for part, gradient in zip(parts, gradients, strict=True)]


class _Moments:
    """In the place of a batch normalization's `_moments`: mean and variance over the parts of all workers.

    Keras's own argument `synchronized` does the same within one strategy of TensorFlow, and nothing outside of one.
    """

    def __init__(self, workers: Workers, keys: int) -> None:
        self.workers = workers
        self.keys = keys

    def __call__(self, inputs: Any, mask: Any) -> Any:  # noqa: ARG002 Keras's signature; images have no mask
        import tensorflow as tf

        pixels = tf.reduce_sum(tf.ones_like(inputs[..., 0]))
        sums = self._total(tf.concat([tf.reduce_sum(inputs, (0, 1, 2)), [pixels]], 0), 0)
        mean = sums[:-1] / sums[-1]
        return mean, self._total(tf.reduce_sum((inputs - mean) ** 2, (0, 1, 2)), 2) / sums[-1]

    def _total(self, value: Any, key: int) -> Any:
        """Add up over the workers. What each one's loss owes to the sum comes back by its own part's pixels alone."""
        import tensorflow as tf

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def total(own: Any) -> Any:
            return (
                self.workers.add_up(own, self.keys + key),
                lambda above: self.workers.add_up(above, self.keys + key + 1),
            )

        return total(value)
