"""Routes of the operators' pages."""

from django.conf import settings
from django.urls import path

from shared_apps.console.pages import audit, mail, migrations, session, tenants

urlpatterns = [
    path("", session.Home.as_view(), name="home"),
    path("sign-in/", session.SignIn.as_view(), name="sign-in"),
    path("sign-out/", session.SignOut.as_view(), name="sign-out"),
    path("operator/theme/", session.Theme.as_view(), name="operator-theme"),
    path("operator/language/", session.Language.as_view(), name="operator-language"),
    path("operator/tenants/", tenants.TenantList.as_view(), name="operator-tenants"),
    path("operator/tenants/new/", tenants.TenantNew.as_view(), name="operator-tenant-new"),
    path("operator/tenants/<uuid:tenant_id>/", tenants.TenantDetail.as_view(), name="operator-tenant"),
    path("operator/tenants/<uuid:tenant_id>/suspend/", tenants.TenantSuspension.as_view(action="suspend"), name="operator-tenant-suspend"),
    path("operator/tenants/<uuid:tenant_id>/resume/", tenants.TenantSuspension.as_view(action="resume"), name="operator-tenant-resume"),
    path("operator/audit/", audit.AuditTrail.as_view(), name="operator-audit"),
    path("operator/audit/export/", audit.AuditExport.as_view(), name="operator-audit-export"),
    path("operator/migrations/", migrations.Migrations.as_view(), name="operator-migrations"),
    path("operator/migrations/<uuid:tenant_id>/retry/", migrations.MigrationRetry.as_view(), name="operator-migration-retry"),
]
if settings.ATENDE_DEMO:
    urlpatterns += [
        path("dev/mail/", mail.MailList.as_view(), name="dev-mail"),
        path("dev/mail/<str:mail_id>/", mail.MailView.as_view(), name="dev-mail-one"),
        path("dev/mail/<str:mail_id>/html/", mail.MailHtml.as_view(), name="dev-mail-html"),
    ]
