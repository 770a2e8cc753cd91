"""When flows run: the server, the deployment, notifications."""
