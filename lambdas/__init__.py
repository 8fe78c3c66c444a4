"""The code that is deployed: functions, services, adapters and the domain under them."""
