"""UniToCom: one causal model for questions about images, speech recognition and pictures from captions."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from .base import Config
from .number import Flag, Integer, Real
from .rules import Broken
from .weights import Weights, load, weights_rules

if TYPE_CHECKING:
    from ...models.unitocom import UniToComConfig
    from ...models.unitocom.system import UniToCom as System

TaskName = Literal["vqa", "asr", "text_to_image"]
SENT = {"vqa": "image", "asr": "audio", "text_to_image": "text"}
NOT_OF_THE_CONFIGURATION = ("preset", "sends", "task", "online", "weights")


class UniToCom(Config):
    """Answers, transcripts and pictures: information-bottleneck tokens, one causal model, next-token diffusion."""

    type: Literal["unitocom"] = "unitocom"
    preset: Literal["tiny", "paper"] = Field(
        default="tiny", description="Sizes: trained here from scratch, or those of the paper."
    )
    task: tuple[TaskName, ...] = Field(
        default=("vqa", "asr", "text_to_image"), min_length=1, max_length=3, description="Tasks that the model is for."
    )
    sends: Literal["image", "audio", "text"] | None = Field(
        default=None, description="What is sent of a sample; null: what the first task sends."
    )
    kind: Literal["sigma_genib", "genib", "vae", "ae"] | None = Field(
        default=None, description="Of all tokenizers; sigma_genib if null."
    )
    num_image_tokens: Integer | None = Field(
        default=None, ge=1, le=4096, description="Tokens of an image (count); the preset's if null."
    )
    image_patch_size: Integer | None = Field(
        default=None, ge=1, le=4096, description="Side of a patch of an image (pixels); the preset's if null."
    )
    num_audio_tokens: Integer | None = Field(
        default=None, ge=1, le=4096, description="Tokens of audio (count); the preset's if null."
    )
    dim: Integer | None = Field(
        default=None, ge=1, le=2**16, description="Width of every token (reals); the preset's if null."
    )
    tokenizer_hidden: Integer | None = Field(
        default=None, ge=4, le=2**16, description="Width of the tokenizers' Transformers (reals); the preset's if null."
    )
    num_samples: Integer | None = Field(
        default=None, ge=1, le=1024, description="Noise draws of an item in the tokenizers' loss (count); 1 if null."
    )
    xi: Real | None = Field(
        default=None, ge=0, le=1e6, description="Weight of the tokenizers' rate (per nat); the preset's if null."
    )
    c_sigma: Real | None = Field(
        default=None, ge=0, le=1e6, description="Variance of sigma_genib's drawn deviation; the preset's if null."
    )
    captions: Literal["words", "tokens"] = Field(
        default="words", description="Whether a caption crosses as embeddings of words or as a text tokenizer's tokens."
    )
    words: Literal["soft", "nearest"] = Field(
        default="soft", description="Embeddings at the receiver: as they arrived, or the nearest entry of the table."
    )
    question: Literal["sent", "at_receiver"] = Field(
        default="at_receiver", description="Whether the words of a question cross the air."
    )
    objective: Literal["answers", "reconstruction"] = Field(
        default="answers", description="What received tokens are for: the task's answers, or the de-tokenizer."
    )
    scenes: Flag = Field(
        default=False,
        description="Training may use scene graphs: the losses cells and referents, of data that have them.",
    )
    prediction: Literal["epsilon", "v_prediction"] | None = Field(
        default=None, description="What the diffusion head predicts: noise or velocity; the preset's if null."
    )
    num_draws: Integer | None = Field(
        default=None, ge=1, le=1024, description="Noise draws for each token in the diffusion loss (count); 4 if null."
    )
    scheduler: str | None = Field(
        default=None, min_length=1, description="Class name in diffusers; DPMSolverMultistepScheduler if null."
    )
    num_steps: Integer | None = Field(
        default=None, ge=1, le=1000, description="Denoising steps of each token (count); 20 if null."
    )
    guidance: Real | None = Field(
        default=None, ge=0, le=100, description="Of classifier-free guidance, 1 for none; the preset's if null."
    )
    top_p: Real | None = Field(
        default=None, gt=0, le=1, description="Words are drawn from so much probability; the likeliest if null."
    )
    max_new_tokens: Integer | None = Field(
        default=None, ge=1, le=10**5, description="Longest text (tokens); the preset's if null."
    )
    text_source: str | None = Field(
        default=None, min_length=1, description="Folder or hub name of a text tokenizer, of the preset paper."
    )
    online: Flag = Field(default=False, description="Ask the Hugging Face hub for a text tokenizer (true or false).")
    seed: Integer = Field(default=0, ge=0, le=2**62, description="Of the initial parameters and of drawn answers.")
    weights: str | None = Weights

    @property
    def payload(self) -> str:
        """What the system reads."""
        return self.sends or SENT[self.task[0]]

    def rules(self) -> Iterator[Broken]:
        """Yield what the fields rule out for each other, and a wrong name of weights."""
        for index, name in enumerate(self.task):
            if name in self.task[:index]:
                yield Broken(f"task.{index}", name, "is in the list twice")
        if self.preset == "tiny" and self.text_source is not None:
            yield Broken("text_source", self.text_source, "is given, but is for the preset paper")
        if self.captions == "tokens" and "text_to_image" not in self.task:
            yield Broken("captions", "tokens", "is given, but the task text_to_image is not")
        if self.scheduler is not None and not self.scheduler.endswith("Scheduler"):
            near = (f"{self.scheduler}Scheduler",)
            yield Broken("scheduler", self.scheduler, "is no class name of a scheduler", near)
        yield from weights_rules(self.weights)

    def identity(self) -> dict[str, Any]:
        """Return the system's configuration without making its parameters."""
        return {"type": "unitocom", **self._config().described()}

    def build(self, *, device: str = "cpu", sampling_rate: int | None = None) -> "System":
        """Construct the system; for audio at ``sampling_rate``, Hz, if it is given.

        Raises:
            ValueError: for audio at another rate than the tokenizer hears at.
        """
        from ...models.unitocom.system import UniToCom as System

        config = self._config()
        for one in config.tokenizers:
            if one.modality == "audio" and sampling_rate not in (None, one.sampling_rate):
                raise ValueError(
                    f"sampling_rate: the data have {sampling_rate} Hz, the tokenizer hears at {one.sampling_rate} Hz"
                )
        system = System(config, online=self.online)
        system.modality = self.payload
        if self.weights is not None:
            load(system, self.weights, "system", system.configuration())
        return system.to(device)

    def _config(self) -> "UniToComConfig":
        from ...models.unitocom.presets import preset

        given = {name: value for name, value in self.parameters().items() if value is not None}
        kept = {name: value for name, value in given.items() if name not in NOT_OF_THE_CONFIGURATION}
        return preset(self.preset, tasks=self.task, **kept)
