// The button of the login page that leads to the OpenID Connect provider.
{
    const { label } = document.currentScript.dataset;
    const link = document.createElement('a');
    link.id = 'oidcLogin';
    link.className = 'menu_button';
    link.href = '/login/oidc';
    link.textContent = label;
    link.style.width = 'auto';
    link.style.whiteSpace = 'nowrap';
    document.getElementById('userSelectBlock')?.append(link);
}
