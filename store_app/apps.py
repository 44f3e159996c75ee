from django.apps import AppConfig


class StoreAppConfig(AppConfig):
    name = "store_app"
    verbose_name = "Store"
