"""Quality measures, item by item: counts and sufficient statistics that add up over batches."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "errors": ["bit_errors", "block_errors", "delivered_bits", "error_rate", "goodput", "symbol_errors"],
        "image": ["MIN_SIDE_MS_SSIM", "MIN_SIDE_SSIM", "PSNR_CAP_DB", "ms_ssim", "mse", "psnr_db", "ssim"],
        "text": ["BLEU_STATISTICS", "bleu_statistics", "corpus_bleu", "exact_match"],
    },
)
