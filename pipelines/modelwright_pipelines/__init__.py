"""The example training pipeline: from labelled rows to a judged model. Lives in the pipelines' image, beside kfp."""
