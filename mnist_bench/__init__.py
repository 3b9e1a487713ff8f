"""Hyperparameter search on MNIST whose results can be trusted. From Python:

    import mnist_bench

    study = mnist_bench.search("conv", trials=50, workers=2)   # the command's study; a dict is a space, too
    study = mnist_bench.open_study("conv-0")
    trials = mnist_bench.to_dataframe(study)                   # trials["optim.lr"]; needs pandas
    again = mnist_bench.reproduce_trial(study)                 # again.identical
    found = mnist_bench.confirm_study(study, workers=2)        # found.test(found.winner).interval
    path = mnist_bench.ablate_study(study, seeds=3)            # path.steps[0].fewer
    audit = mnist_bench.audit_study(study, 0.05)               # audit.wrong of len(audit.trials)
    files = mnist_bench.export_study(study, "winner")          # weights, net.py, model.onnx, draw.html, a card
    model = mnist_bench.load_model("winner")                   # model(["seven.png"])[0].label
    said = mnist_bench.predict(study, ["seven.png"])           # said[0].label, by the study's best trial
    fitted = mnist_bench.fit("recipe.yaml", seed=0)            # fitted.reports[-1].value
    plots = mnist_bench.plot_study(study, ["history"])         # plots[0].files
    report = mnist_bench.report_study(study)                   # report.file
    speed = mnist_bench.measure_speed()                        # speed.nets[0].images_per_second.median
    table = mnist_bench.tables.load("conv-5k")                 # table.curve(table.points[0], seed=0).errors

docs/reference/python.md describes all of them. Importing the package is fast: each name loads its modules at first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
