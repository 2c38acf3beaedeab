"""Tasks: what is sent, and how what arrives is judged."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "answers": ["DatasetTask", "SampleBatch", "fit_prior"],
        "base": ["Task"],
        "bits": ["BitsTask"],
        "choice_judges": ["ChoiceJudge", "MMVetJudge", "YesNoJudge"],
        "content_judges": ["CaptionJudge", "PictureJudge", "SentenceJudge", "TranscriptJudge"],
        "image": ["ImageTask"],
        "judges": ["AnswerJudge", "Judge"],
        "pictures": ["PicturesTask"],
        "text": ["TextTask"],
        "text_to_image": ["TextToImageJudge", "TextToImageTask"],
    },
)
