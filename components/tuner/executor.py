"""TFX's Tuner executor; tells `tuner_fn` where the tokenizer is."""

from tfx.components.tuner import executor

from gptfx.components.tokenizer_input import Inputs, Parameters, hand_over_tokenizer


class Executor(executor.Executor):
    """Runs GptTuner."""

    def Do(self, input_dict: Inputs, output_dict: Inputs, exec_properties: Parameters) -> None:
        """See TFX."""
        inputs, parameters = hand_over_tokenizer(input_dict, exec_properties)
        super().Do(inputs, output_dict, parameters)
