"""Routes of the audit API."""

from django.urls import path

from shared_apps.audit import views

urlpatterns = [
    path("audit-entries", views.AuditListView.as_view(), name="audit-entries"),
    path("audit-entries/export", views.AuditExportView.as_view(), name="audit-export"),
    path("audit/retention", views.AuditRetentionView.as_view(), name="audit-retention"),
]
