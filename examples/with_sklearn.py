"""scikit-learn: which gradient boosting reads its 1,797 images of digits best, by cross-validation?"""

from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import cross_val_score

import search

IMAGES, DIGITS = load_digits(return_X_y=True)


def objective(config):
    model = HistGradientBoostingClassifier(**config, max_iter=10, random_state=config.seed)
    return cross_val_score(model, IMAGES, DIGITS, cv=3).mean()


space = {
    "name": "sklearn",
    "learning_rate": {"float": [0.05, 1.0], "log": True},
    "max_leaf_nodes": {"int": [4, 32], "log": True},
    "min_samples_leaf": {"int": [5, 50]},
}
study = search.run(objective, space, trials=10, workers=2)
print(f"{study.best.value:.2%} with {dict(study.best.params)}")
