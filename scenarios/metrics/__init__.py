"""How answers, captions, transcripts and generated images are judged, item by item."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "captions": ["CiderD", "caption_bleu_statistics", "caption_words", "meteor"],
        "clip_score": ["ClipScore"],
        "grouped": ["GroupMetric", "SelectedMean"],
        "learned_distance": ["load_lpips", "lpips"],
        "mm_vet": ["AnswerScores", "contains_answer", "judged_scores", "matches_answer", "read_judgements"],
        "multiple_choice": ["letter_of", "yes_or_no"],
        "perceptual": ["frechet_distance", "frechet_estimate", "image_distances", "kid_difference", "kid_estimate"],
        "similarity": ["sentence_similarity"],
        "transcription": ["TRANSCRIPT_STATISTICS", "normalize_transcript", "transcript_statistics"],
        "vqa": ["normalize_answer", "soft_accuracy"],
    },
)
