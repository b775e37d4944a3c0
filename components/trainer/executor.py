"""TFX's Trainer executor; tells `run_fn` where the tokenizer is."""

from tfx.components.trainer import executor

from gptfx.components.tokenizer_input import Inputs, Parameters, hand_over_tokenizer


class Executor(executor.GenericExecutor):
    """Runs GptTrainer."""

    def Do(self, input_dict: Inputs, output_dict: Inputs, exec_properties: Parameters) -> None:
        """See TFX."""
        inputs, parameters = hand_over_tokenizer(input_dict, exec_properties)
        super().Do(inputs, output_dict, parameters)
