"""Results, models and markers on S3 and Google Cloud Storage, through the operator's own code and fsspec's libraries.

The S3 server is a real one, versitygw. Google's store has no server that one could run: fake-gcs-server is a fake.
"""
