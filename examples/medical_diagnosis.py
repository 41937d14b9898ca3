#!/usr/bin/env python3
"""Medical diagnosis: why is this tumour called malignant, how sure is that answer, and what would change it?"""
import whence
from common import DATA, MODELS, OUT, show

model = whence.load(MODELS / "breast_cancer.onnx")
table = DATA / "breast_cancer.csv"

why = whence.explain(model, table, row=17, method="integrated-gradients", target="malignant")
show("What the network sums up (integrated gradients against the mean row)", why)
why.save(OUT / "medical.html")
whence.plot("waterfall", why, OUT / "medical-waterfall.png")

shap = whence.explain(model, table, row=17, method="kernel-shap", target="malignant", budget=2000)
show("The same question asked of the model alone (KernelSHAP against 100 patients)", shap.words())

rule = whence.explain(model, table, row=17, method="anchors")
show("A rule that nearly suffices", rule.words())

other = whence.explain(model, table, row=17, method="counterfactuals", count=2)
show("Measurements at which the network would say benign", other)
print(f"\npictures and pages: {OUT}")
