"""LightGBM: a report after every five rounds of boosting on scikit-learn's digits; poor trials are stopped early."""

import lightgbm
from sklearn.datasets import load_digits

import search

IMAGES, DIGITS = load_digits(return_X_y=True)
FIXED = {"objective": "multiclass", "num_class": 10, "deterministic": True, "verbose": -1}


def objective(config):
    train = lightgbm.Dataset(IMAGES[:1200], DIGITS[:1200])
    booster = lightgbm.Booster({**FIXED, **config, "seed": config.seed}, train)
    for _report in range(6):
        for _round in range(5):
            booster.update()
        yield (booster.predict(IMAGES[1200:]).argmax(axis=1) == DIGITS[1200:]).mean()


leaves, rate = {"int": [4, 64], "log": True}, {"float": [0.02, 0.5], "log": True}
study = search.run(objective, {"name": "lightgbm", "num_leaves": leaves, "learning_rate": rate}, trials=20, periods=6)
print(f"{study.best.value:.2%} with {dict(study.best.params)}")
