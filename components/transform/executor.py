"""TFX's Transform executor; tells `preprocessing_fn` where the tokenizer is."""

from tfx.components.transform import executor

from gptfx.components.files import local
from gptfx.components.tokenizer_input import TOKENIZER, Inputs, Parameters, hand_over_tokenizer


class Executor(executor.Executor):
    """Runs TokenizeTransform."""

    def Do(self, input_dict: Inputs, output_dict: Inputs, exec_properties: Parameters) -> None:
        """See TFX."""
        (tokenizer,) = input_dict[TOKENIZER]
        with local(tokenizer.uri) as folder:
            inputs, parameters = hand_over_tokenizer(input_dict, exec_properties, str(folder))
            super().Do(inputs, output_dict, parameters)
